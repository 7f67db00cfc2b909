"""What scenes are drawn with: glyphs, letters, shapes, backgrounds."""
