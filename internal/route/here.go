package route

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"msg"
	"msg/internal/control"
)
