//go:build !unix

package main

// syncDir does nothing: folders cannot be synced here.
func syncDir(string) error { return nil }
