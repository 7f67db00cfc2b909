"""Methods that look at each weight as a matrix (out × rest): singular values, subspaces, least squares."""
