"""A System answers a Suite. Scorers are pure; evaluate() runs the model. Nothing is stored here."""
