"""Forms: what people fill in when they trigger a DAG, with the platforms' limits as validation."""
