/* restricted.exe PROGRAM ARGUMENTS runs a program that is not an administrator's,
 * as Windows does with what an administrator has not started as such: the group
 * is in its token for denials only. The program ends with this one, however that
 * ends. It is never shipped.
 */
#include <windows.h>
#include <stdio.h>

/* What is behind the first word of the command line. */
static wchar_t *rest(wchar_t *line)
{
	int quoted = 0;

	for (; *line && (quoted || *line != ' '); line++)
		if (*line == '"')
			quoted = !quoted;
	while (*line == ' ')
		line++;
	return line;
}

/* Ends the program when this one has ended. */
static BOOL tie(HANDLE program)
{
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE};
	HANDLE job = CreateJobObjectW(NULL, NULL);

	return SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits) &&
	       AssignProcessToJobObject(job, program);
}

int wmain(void)
{
	STARTUPINFOW start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES};
	PROCESS_INFORMATION process;
	BYTE sid[SECURITY_MAX_SID_SIZE];
	SID_AND_ATTRIBUTES administrators = {sid, 0};
	HANDLE own, less;
	DWORD code, size = sizeof sid;

	start.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
	start.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
	start.hStdError = GetStdHandle(STD_ERROR_HANDLE);
	if (!CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, sid, &size) ||
	    !OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &own) ||
	    !CreateRestrictedToken(own, 0, 1, &administrators, 0, NULL, 0, NULL, &less) ||
	    !CreateProcessAsUserW(less, NULL, rest(GetCommandLineW()), NULL, NULL, TRUE, CREATE_SUSPENDED, NULL, NULL, &start,
				  &process) ||
	    !tie(process.hProcess)) {
		fprintf(stderr, "restricted: error %lu\n", GetLastError());
		return 250;
	}
	ResumeThread(process.hThread);
	WaitForSingleObject(process.hProcess, INFINITE);
	GetExitCodeProcess(process.hProcess, &code);
	return code;
}
