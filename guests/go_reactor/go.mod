module example.com/wasi-light/guests/go_reactor

go 1.24
