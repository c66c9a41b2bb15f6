"""The parts of the window: sidebar, chat, library, source."""
