"""What pages share: the frame, the address, jobs, widgets, browser parts; and a folder for the parts of each page."""
