"""Text -> findings: rules of three severities, matched in linear time on folded text. Pure."""
