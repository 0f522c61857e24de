"""Files that people write in YAML: read strictly, judged by a schema, explained with line, column and nearest name."""
