package ssh

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os/exec"
	"strings"
	"time"
)

const (
	configTimeout = 15 * time.Second // for ssh to read its configuration, which may run programs
	probeTimeout  = time.Second      // for a port to answer
)

// Probe finds out whether the host can be reached by ssh at all, and returns
// why it thinks so. A host behind a proxy is believed to be there.
func Probe(ctx context.Context, h Host) (why string, err error) {
	config, err := configOf(ctx, h)
	if err != nil {
		return "", err
	}
	for _, proxy := range []string{"proxyjump", "proxycommand"} {
		if v := config[proxy]; v != "" && v != "none" {
			return "through a proxy, as ssh is configured", nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(config["hostname"], config["port"]))
	if err != nil {
		return "", unreachable(err, config["port"])
	}
	conn.Close()
	return "its port " + config["port"] + " answers", nil
}

// configOf asks ssh what its configuration makes of a host.
func configOf(ctx context.Context, h Host) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, configTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ssh", append([]string{"-G"}, h.destination()...)...)
	var said tail
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &said, signalTimeout
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, &Error{"reading its configuration took too long"}
	case errors.As(err, &exit):
		return nil, explain(exit.ExitCode(), said.String())
	case err != nil:
		return nil, notRun(err)
	}
	config := map[string]string{"hostname": h.Name, "port": "22"}
	for line := range strings.Lines(out.String()) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			config[strings.ToLower(key)] = value
		}
	}
	return config, nil
}

// unreachable says in few words why a port does not answer.
func unreachable(err error, port string) error {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return &Error{"there is no host of that name"}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &Error{"port " + port + " does not answer"}
	case strings.Contains(err.Error(), "refused"):
		return &Error{"connection refused on port " + port}
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return &Error{err.Error()}
}
