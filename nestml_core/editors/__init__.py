"""What editors need to colour NESTML."""
