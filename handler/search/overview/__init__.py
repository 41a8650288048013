"""What there is: photos counted by date, folder and value, and in the order in which they were taken.

In come the photos of a bundle and which of them count; out go counts and numbers. It is imported when it is first asked
for, and keeps what it has made of a bundle from then on. May import the shapes and filters beside it, and `bundle`.
"""
