"""The pages of this room: signing in and the own account, and the inbox of the second person."""
