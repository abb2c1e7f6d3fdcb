package samba

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const krb5Conf = `[libdefaults]
 default_realm = MSG.TEST
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
[realms]
 MSG.TEST = {
  kdc = 127.0.0.1:88
 }
[domain_realm]
 linuxbox = MSG.TEST
 .msg.test = MSG.TEST
`

// A smbd that belongs to no domain refuses tickets with a PAC.
const kdcConf = `[kdcdefaults]
 kdc_listen = 127.0.0.1:88
 kdc_tcp_listen = 127.0.0.1:88
[realms]
 MSG.TEST = {
  disable_pac = true
  database_name = FOLDER/principal
  key_stash_file = FOLDER/stash
  supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
 }
[logging]
 kdc = FILE:FOLDER/kdc.log
`

const smbConf = `[global]
 server role = standalone server
 netbios name = LINUXBOX
 workgroup = MSGTEST
 realm = MSG.TEST
 kerberos method = dedicated keytab
 dedicated keytab file = FILE:` + Keytab + `
 passdb backend = tdbsam
 idmap config * : backend = tdb
 idmap config * : range = 100000-199999
 disable netbios = yes
 load printers = no
 printcap name = /dev/null
 disable spoolss = yes
 map to guest = never
 log level = 1
 max smbd processes = 0
`

// startKDC makes a realm with the accounts and the services, and serves it.
func startKDC() error {
	files := map[string]string{"krb5.conf": krb5Conf, "kdc.conf": kdcConf}
	for name, content := range files {
		content = strings.ReplaceAll(content, "FOLDER", folder)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("samba: %w", err)
		}
	}
	// For smbd, winbindd and the clients as well, which inherit it.
	if err := os.Setenv("KRB5_CONFIG", Krb5Conf); err != nil {
		return err
	}
	if err := os.Setenv("KRB5_KDC_PROFILE", filepath.Join(folder, "kdc.conf")); err != nil {
		return err
	}
	if err := run("", "kdb5_util", "create", "-s", "-r", Realm, "-P", "master"); err != nil {
		return err
	}
	var script strings.Builder
	for _, user := range Users {
		proof := "+" // as Windows and the usual KDC want it; without it nobody sees a wrong password
		if user == "mallory" {
			proof = "-"
		}
		fmt.Fprintf(&script, "addprinc %srequires_preauth -pw %q %s\n", proof, Password(user), user)
	}
	for _, host := range []string{Name, FQDN} {
		for _, service := range []string{"host", "cifs"} {
			fmt.Fprintf(&script, "addprinc -randkey %s/%s\nktadd -k %s %[1]s/%[2]s\n", service, host, Keytab)
		}
	}
	if err := run(script.String(), "kadmin.local"); err != nil {
		return err
	}
	return run("", "krb5kdc", "-P", filepath.Join(folder, "kdc.pid")) // it goes to the background when it listens
}
