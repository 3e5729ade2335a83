"""What things cost: server CPU per operation, side by side with Prosody and ejabberd where they are installed."""
