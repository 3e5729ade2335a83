"""Dialogues played: in memory, or with any server over its transports."""
