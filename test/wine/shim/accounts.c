#include "accounts.h"
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_ACCOUNTS = 64 };

static struct account accounts[MAX_ACCOUNTS];
static int account_count;

static void parse_groups(struct account *a, char *list)
{
	if (!strncmp(list, "err=", 4)) {
		a->refused = strtoul(list + 4, NULL, 0);
		return;
	}
	for (char *s = strtok(list, ","); s && a->group_count < MAX_GROUPS; s = strtok(NULL, ","))
		if (ConvertStringSidToSidA(s, &a->groups[a->group_count]))
			a->group_count++;
}

static void parse_account(char *line)
{
	struct account *a = &accounts[account_count];
	char *field[5] = {NULL};
	int fields = 0;

	for (char *s = line; s && fields < 5; fields++) {
		field[fields] = s;
		if ((s = strchr(s, '|')))
			*s++ = 0;
	}
	if (fields < 4 || account_count == MAX_ACCOUNTS || !ConvertStringSidToSidA(field[2], &a->sid))
		return;
	MultiByteToWideChar(CP_UTF8, 0, field[0], -1, a->domain, 64);
	MultiByteToWideChar(CP_UTF8, 0, field[1], -1, a->name, 64);
	a->use = !strcmp(field[3], "user") ? SidTypeUser : !strcmp(field[3], "alias") ? SidTypeAlias : SidTypeGroup;
	if (fields == 5)
		parse_groups(a, field[4]);
	account_count++;
}

BOOL accounts_load(void)
{
	wchar_t path[2 * MAX_PATH];
	char line[2048];
	FILE *f;

	swprintf(path, 2 * MAX_PATH, L"%ls\\accounts.txt", log_folder());
	if (!(f = _wfopen(path, L"rb")))
		return FALSE;
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\r\n")] = 0;
		parse_account(line);
	}
	fclose(f);
	return TRUE;
}

static BOOL is_called(const struct account *a, const wchar_t *name)
{
	const wchar_t *slash = wcschr(name, '\\');
	size_t n = wcslen(a->domain);

	if (!slash)
		return !_wcsicmp(a->name, name);
	return (size_t)(slash - name) == n && !_wcsnicmp(a->domain, name, n) && !_wcsicmp(a->name, slash + 1);
}

const struct account *account_called(const wchar_t *name)
{
	for (int i = 0; i < account_count; i++)
		if (is_called(&accounts[i], name))
			return &accounts[i];
	return NULL;
}

const struct account *account_with(PSID sid)
{
	for (int i = 0; i < account_count; i++)
		if (EqualSid(accounts[i].sid, sid))
			return &accounts[i];
	return NULL;
}
