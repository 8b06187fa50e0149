"""HTTP routes by subject, one function each; every one is also there under `/api`."""
