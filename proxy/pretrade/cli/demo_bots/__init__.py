"""Two bots that know nothing of pretrade: each drives an unmodified official SDK. They run as programs of their own."""
