package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// childExit is a program that is started by env exec: it says who it is and what it was given, and ends with 42 when it is asked to.
func childExit() int {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	fmt.Println(os.Getpid(), os.Args[1], os.Getenv("SECRET"))
	<-asked
	return 42
}
