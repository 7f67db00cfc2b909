"""A recipe's weights as files that other libraries load."""
