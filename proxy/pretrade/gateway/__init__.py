"""The imperative shell: takes requests in, asks the pure core, records, signs, sends.

Here lies what puts a run together: `run` and its likes without doors or behind a debugger's, `assemble`, `config`, and
what all its rooms speak of: `instance` and `messages`. Each folder is a room and says what lives there. Bytes come in
at `front` or `relay` and go `way`; `market`, `account` and `stops` know what it judges by; `questions` and `operator`
are for people and clients who ask; `preflight` looks before the doors open; `keys` and `machine` serve them all.
"""
