"""Words written on pictures: attack tasks, photographs of attacks, and studies over α, size and place."""
