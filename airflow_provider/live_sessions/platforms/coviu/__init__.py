"""Coviu: telehealth calls, one session an appointment."""
