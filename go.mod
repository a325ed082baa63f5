module github.com/culm-net/culm

go 1.26
