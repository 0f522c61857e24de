"""The exchange's REST API: from a request's head and body to a reply. No HTTP library; knows `core` alone."""
