"""The platforms as stateful local servers, to develop, demonstrate and test against. Uses nothing of the rest."""
