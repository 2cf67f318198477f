module github.com/podfacts/podfacts/test/clock

go 1.26.0
