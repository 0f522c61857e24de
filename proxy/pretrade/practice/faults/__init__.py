"""What the exchange can be told to do wrong with requests: the kinds, the plan, and how each is carried out."""
