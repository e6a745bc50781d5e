// Go net/http (standard library only): list LIST IN_FLIGHT AUTHORITY
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func fetch(client *http.Client, url string) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

func main() {
	urls := strings.Fields(string(must(os.ReadFile(os.Args[1]))))
	inFlight := must(strconv.Atoi(os.Args[2]))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(must(os.ReadFile(os.Args[3])))
	client := &http.Client{Transport: &http.Transport{
		// By default there is neither HTTP/2 with a configuration of one's own, nor are sessions resumed.
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: inFlight,
		TLSClientConfig: &tls.Config{
			RootCAs:            roots,
			ClientSessionCache: tls.NewLRUClientSessionCache(4096),
		},
	}}
	next := make(chan string)
	var workers sync.WaitGroup
	for worker := 0; worker < inFlight; worker++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for url := range next {
				if err := fetch(client, url); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
			}
		}()
	}
	for _, url := range urls {
		next <- url
	}
	close(next)
	workers.Wait()
}
