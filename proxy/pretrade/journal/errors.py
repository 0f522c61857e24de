"""What can go wrong with the journal. Two words: it could not be opened, or it cannot record now."""


class JournalError(Exception):
    """The journal cannot be used as it is; the message says what was found, where, and what was expected."""


class JournalUnavailable(JournalError):  # noqa: N818 - the state of the journal, in the word of its denial code
    """An event was not confirmed as durable: it counts as not recorded, so nothing may be done on the strength of it.

    The row may be in the file all the same, when a commit failed only after the disk had it.
    """
