// Command probe loads wtsapi32.dll in the way that a program must not: from its
// own folder, if there is one. It shows that the test of what was planted there
// can see it.
package main
