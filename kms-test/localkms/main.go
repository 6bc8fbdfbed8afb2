// Command localkms serves github.com/nsmithuk/local-kms on a free port of loopback and prints its address; its own program listens on every
// interface. Keys are in the folder that -data names and are gone when that is a new one.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/nsmithuk/local-kms/src"
	"github.com/nsmithuk/local-kms/src/config"
	"github.com/nsmithuk/local-kms/src/data"
)

func main() {
	region := flag.String("region", "eu-west-1", "region of the keys")
	dir := flag.String("data", "data", "folder for the keys")
	flag.Parse()
	if err := serve(*region, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "localkms:", err)
		os.Exit(1)
	}
}

func serve(region, dir string) error {
	config.AWSRegion, config.AWSAccountId, config.DatabasePath = region, "111122223333", dir
	db := data.NewDatabase(dir)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("Running on http://%s\n", listener.Addr())
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { src.HandleRequest(w, r, db) }))
}
