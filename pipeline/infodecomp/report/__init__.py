"""The page of a study: a folder of plain HTML, scripts and pictures that opens from disk, without server or network."""
