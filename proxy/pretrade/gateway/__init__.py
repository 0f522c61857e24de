"""The imperative shell: takes requests in, asks the pure core, records, signs, sends."""
