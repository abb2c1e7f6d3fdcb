/* The table of accounts, accounts.txt beside the log, in UTF-8:
 *
 *	DOMAIN|NAME|SID|USE[|GROUP[,GROUP...]]
 *	    USE    user, group or alias
 *	    GROUP  SIDs of the groups that a user is in; or err=N, with which
 *	           Windows refuses to tell them
 *
 * Without the file accounts are those of Wine. It is never shipped.
 */
#ifndef ACCOUNTS_H
#define ACCOUNTS_H

#include "shim.h"

enum { MAX_GROUPS = 16 };

struct account {
	wchar_t domain[64], name[64];
	PSID sid;
	SID_NAME_USE use;
	PSID groups[MAX_GROUPS];
	DWORD group_count;
	DWORD refused; /* an error; 0 if its groups are told */
};

/* Reads the table, once; FALSE if there is none. */
BOOL accounts_load(void);
/* By NAME or DOMAIN\NAME, whatever the case; NULL if there is none. */
const struct account *account_called(const wchar_t *name);
const struct account *account_with(PSID sid);

#endif
