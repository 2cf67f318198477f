package notify_test

func child(string) error { return nil }
