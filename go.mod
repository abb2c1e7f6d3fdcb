module msg

go 1.26.0
