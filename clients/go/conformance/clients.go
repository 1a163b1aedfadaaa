package main

import (
	"log"
	"os"

	llmgateway "github.com/llmgateway/llmgateway/clients/go"
)

// connection says how to connect. Certificates are paths.
type connection struct {
	Target            string `json:"target"`
	Key               string `json:"key"`
	TLS               bool   `json:"tls"`
	RootCertificates  string `json:"root_certificates"`
	ClientKey         string `json:"client_key"`
	ClientCertificate string `json:"client_certificate"`
}

// clients holds a client for each way to connect.
type clients map[connection]*llmgateway.Client

func (c clients) get(how connection) (*llmgateway.Client, error) {
	if client, ok := c[how]; ok {
		return client, nil
	}
	options, err := how.options()
	if err != nil {
		return nil, err
	}
	client, err := llmgateway.NewClient(how.Target, options...)
	if err != nil {
		return nil, err
	}
	c[how] = client
	return client, nil
}

func (c clients) close() {
	for _, client := range c {
		if err := client.Close(); err != nil {
			log.Printf("conformance: %v", err)
		}
	}
}

func (how connection) options() ([]llmgateway.Option, error) {
	var options []llmgateway.Option
	if how.Key != "" {
		options = append(options, llmgateway.WithKey(how.Key))
	}
	if how.TLS {
		options = append(options, llmgateway.WithTLS())
	}
	if how.RootCertificates != "" {
		pem, err := os.ReadFile(how.RootCertificates)
		if err != nil {
			return nil, err
		}
		options = append(options, llmgateway.WithRootCertificates(pem))
	}
	if how.ClientCertificate != "" {
		certificate, err := os.ReadFile(how.ClientCertificate)
		if err != nil {
			return nil, err
		}
		key, err := os.ReadFile(how.ClientKey)
		if err != nil {
			return nil, err
		}
		options = append(options, llmgateway.WithClientCertificate(certificate, key))
	}
	return options, nil
}
