"""What is made of the day's sessions afterwards."""
