package main

import "context"

func (b *bench) parse(context.Context) ([]row, error) { return nil, nil }
