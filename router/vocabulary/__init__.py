"""The words of Pointsman as values: jobs, models, chats, errors. Pure: imports no other room."""
