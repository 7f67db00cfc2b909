"""The frame that all pages share: workspace, jobs, the time that they take, the address."""
