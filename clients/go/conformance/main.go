// Command conformance makes the calls of conformance cases by the Go client, and writes what it saw.
//
// A case is a line of JSON on standard input, an answer a line on standard output; tests/conformance/README.md has
// both.
package main

import (
	"bufio"
	"encoding/json"
	"io"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	if err := runAll(os.Stdin, os.Stdout); err != nil {
		log.Fatalf("conformance: %v", err)
	}
}

// runAll answers every case in turn.
func runAll(cases io.Reader, answers io.Writer) error {
	clients := clients{}
	defer clients.close()
	lines := bufio.NewReader(cases)
	encoder := json.NewEncoder(answers)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			if err := runLine(clients, line, encoder); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func runLine(clients clients, line []byte, answers *json.Encoder) error {
	var c testCase
	if err := json.Unmarshal(line, &c); err != nil {
		return err
	}
	client, err := clients.get(c.Client)
	if err != nil {
		return err
	}
	answer, err := c.run(client)
	if err != nil {
		return err
	}
	return answers.Encode(answer)
}
