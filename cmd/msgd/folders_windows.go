package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// startHint is how to have a msgd.
const startHint = "an administrator starts it with: msgd service start"

// dataFolder is for the configuration and the journal. Windows itself says
// where such folders are: a variable could be anybody's.
func dataFolder() string {
	dir, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, windows.KF_FLAG_DEFAULT)
	if err != nil {
		dir = `C:\ProgramData`
	}
	return filepath.Join(dir, "msg")
}

// defaultConfig is where the configuration is unless a flag says otherwise.
func defaultConfig() string { return filepath.Join(dataFolder(), "msgd.toml") }

func defaultJournal() string { return filepath.Join(dataFolder(), "journal.db") }

func defaultFleet() string { return filepath.Join(dataFolder(), "fleet") }

// defaultHub is where a hub is unless a flag says otherwise.
func defaultHub() string { return filepath.Join(dataFolder(), "hub") }

// makeSocketFolder has nothing to do: pipes are in no folder of ours.
func makeSocketFolder(string) error { return nil }

// dataDescriptor lets SYSTEM and Administrators at the folder and at what is in
// it, and nobody who has rights to the folder above; another account gets them
// too if msgd is to run as that.
func dataDescriptor(account string) string {
	sddl := "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
	if account != "" {
		sddl += "(A;OICI;FA;;;" + account + ")"
	}
	return sddl
}

// checkData makes the folder of the journal if it is not there. Everybody may
// make folders in ProgramData: one that is somebody else's is not used.
func checkData(journal string) error {
	dir := filepath.Dir(journal)
	err := makeFolder(dir, dataDescriptor(""))
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	sd, err := windows.GetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("owner of the folder %q: %w", dir, err)
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return fmt.Errorf("owner of the folder %q: %w", dir, err)
	}
	self, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return fmt.Errorf("account of this process: %w", err)
	}
	if owner.IsWellKnown(windows.WinLocalSystemSid) || owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) || owner.Equals(self.User.Sid) {
		return nil
	}
	return fmt.Errorf("folder %q belongs to %s: it must belong to SYSTEM, to Administrators or to the account that msgd runs as; move it away", dir, owner)
}

// makeFolder makes one folder that has this security descriptor from its first
// moment on.
func makeFolder(dir, sddl string) error {
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return fmt.Errorf("security descriptor %q: %w", sddl, err)
	}
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return fmt.Errorf("folder %q: %w", dir, err)
	}
	sa := &windows.SecurityAttributes{Length: uint32(unsafe.Sizeof(windows.SecurityAttributes{})), SecurityDescriptor: sd}
	if err := windows.CreateDirectory(name, sa); err != nil {
		return &os.PathError{Op: "making the folder", Path: dir, Err: err}
	}
	return nil
}
