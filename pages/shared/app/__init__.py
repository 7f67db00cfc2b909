"""The frame that all pages share: workspace, jobs, the address."""
