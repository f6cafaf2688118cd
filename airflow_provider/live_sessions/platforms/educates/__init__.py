"""Educates: hands-on workshops, each learner in a session of their own, on a training portal of one's own."""
