"""What pages share: the frame, the address, pickers, charts, the live slider, waiting."""
