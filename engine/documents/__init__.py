"""File -> text -> passages: readers per format, secrets, and cutting."""
