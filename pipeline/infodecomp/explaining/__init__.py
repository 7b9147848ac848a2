"""One picture and its caption, explained: every word's maps and nats, how they are drawn, and how they are kept."""
