"""Ready-made pieces of DAGs: task groups made of this package's operators and sensors."""
