"""What all parts of the package use, and what knows none of them."""
